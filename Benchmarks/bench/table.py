"""The table."""
from statistics import median


def number(value):
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 1 else f"{value:.2g}" if value >= 0.01 else f"{value:.1g}"


def ratio(ours, theirs, figure):
    """The median over the rounds: a machine that changes its pace does so between rounds more than within one."""
    beside = {run.round: figure(run) for run in theirs}
    pairs = [figure(run) / beside[run.round] for run in ours if beside.get(run.round)]
    return median(pairs) if pairs else None


def times(value):
    return f"{number(value)} x" if value else ""


def lines(group, runs):
    """One line for each case: medians, and ours beside it."""
    first = group.cases[0].name
    yield (group.title, group.unit + "/s", "CPU s/1,000", "peak MiB", "Wardpost's rate", "per CPU second", "runs")
    for case in group.cases:
        done = runs.get(case.name, [])
        if not done:
            continue
        rate, cpu = median(run.rate for run in done), median(run.cpu_per_1000 for run in done)
        peak = max(run.peak for run in done)
        beside = ("", "")
        if case.name != first and runs.get(first):
            beside = (times(ratio(runs[first], done, lambda run: run.rate)),
                      times(ratio(done, runs[first], lambda run: run.cpu_per_1000)))
        yield ("  " + case.name, number(rate), number(cpu), f"{peak:.0f}", *beside, str(len(done)))


def counts(runs):
    """What holds however fast the machine is: one line for each case that spoke to the sink."""
    for name, done in runs.items():
        for run in done:
            if run.note.get("memory"):
                told = run.note["memory"]
                yield f"{name}: " + ", ".join(f"{memory:.1f} MiB after {count:,}" for count, memory in told)
                yield f"{name}: the last is {told[-1][1] / told[0][1]:.3f} of the first"
        if done and "seconds" in done[0].note:
            yield (f"{name}: {number(median(run.wall for run in done))} s, {number(median(run.cpu for run in done))} s of CPU, "
                   f"{max(run.peak for run in done):.0f} MiB")
        told = [run.note for run in done if "sink" in run.note]
        if not told:
            continue
        words = [f"{run.count} messages, {note['sink']['handshakes']} handshakes on {note['sink']['connections']} connections"
                 + (f" (at most {note['sink']['most']} at once)" if note["sink"]["most"] != note["sink"]["connections"] else "")
                 + (f", {number(note['syncs'] * 1000 / run.count)} syncs per 1,000 messages" if "syncs" in note else "")
                 for run, note in ((done[-1], told[-1]),)]
        yield f"{name}: {words[0]}"


def jobs(runs):
    """How long jobs took by themselves, and beside the first case's."""
    def per_row(run):
        return run.note["job"] / run.count

    timed = {name: done for name, done in runs.items() if "job" in done[0].note}
    first = next(iter(timed.values()), None)
    for name, done in timed.items():
        share = ratio(done, first, per_row) if done is not first else None
        yield (f"{name}: {number(median(map(per_row, done)) * 1e6)} µs a row from the CSV's first opening to the marker"
               + (f", {share:.3f} of that of the first" if share else ""))


def show(tables):
    """Prints tables of one width."""
    rows = [row for table in tables for row in table]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for table in tables:
        for index, row in enumerate(table):
            cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
            print("  ".join(cells).rstrip())
            if index == 0:
                print("-" * len("  ".join(cells)))
        print()
