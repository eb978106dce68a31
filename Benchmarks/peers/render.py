#!/usr/bin/env python3
"""Makes every row's message and drops it: `render.py TABLE library|hand`."""
import sys

import letters

build = letters.BUILDERS[sys.argv[2]]
count = size = 0
for row in letters.rows(sys.argv[1]):
    size += len(build(row))
    count += 1
print(f'{{"count": {count}, "octets": {size}}}')
