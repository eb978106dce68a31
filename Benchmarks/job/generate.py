#!/usr/bin/env python3
"""Writes a recipient table: `generate.py ROWS FILE`. The same number of rows gives the same bytes.

Eight columns and about 120 bytes a row; every third row has a quoted cell, every tenth letters beyond ASCII."""
import csv
import sys

COLUMNS = ["email", "first_name", "last_name", "clinic", "visit_date", "visit_time", "reference", "remark"]
FIRST = ["Anna", "Ben", "Chloé", "David", "Emma", "Farid", "Greta", "Hugo", "Ines", "Jörg", "Karim", "Lena", "Marco",
         "Nadia", "Oscar", "Petra", "Quinn", "Rosa", "Simon", "Tara"]
LAST = ["Archer", "O'Neill", "Campos", "Dunn", "Evans", "Ferrari", "Gómez", "Hale", "Ito", "Jansen", "Klein", "Lopez",
        "Meyer", "Novak", "Olsen", "Park", "Quist", "Rossi", "Stone", "Turner"]
CLINIC = ["Northside Clinic", "Harbour Health Centre", "St. Luke's, West Wing", "River & Hill Practice",
          'Clinic "At the Gate", Floor 2', "Meadow Lane Surgery"]
REMARK = ["", "first visit", "brings a letter, two pages", "needs parking", "fasting"]


def row(i):
    return [f"patient.{i:07d}@example.test", FIRST[i * 7 % 20], LAST[i * 13 % 20], CLINIC[i * 5 % 6],
            f"2026-{1 + i % 12:02d}-{1 + i % 28:02d}", f"{8 + i % 9:02d}:{15 * (i % 4):02d}",
            f"N{i:07d}-{i * 2654435761 & 0xFFFF:04X}", REMARK[i % 5]]


def write(rows, path):
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\r\n")
        table.writerow(COLUMNS)
        for i in range(1, rows + 1):
            table.writerow(row(i))


if __name__ == "__main__":
    write(int(sys.argv[1]), sys.argv[2])
