/// The look of `summary.html`: light and dark, phone and desk, screen and paper.
enum SummaryStyle {
    static let css = """
        :root { color-scheme: light dark; --paper: #fff; --ground: #f3f5f7; --ink: #1c2733; --quiet: #566472; --line: #dbe1e7;
          --sent: #2e7d4f; --failed: #b3372f; --invalid: #b7791f; --suppressed: #6b7b8c; --held: #6d4aa8; --unknown: #d2691e;
          --cancelled: #a3adb8; --open: #d5dbe1; }
        @media (prefers-color-scheme: dark) { :root { --paper: #1a222b; --ground: #10161c; --ink: #e6ebf0; --quiet: #9fb0c0;
          --line: #33404d; --sent: #4fae78; --failed: #e2695f; --invalid: #d9a441; --suppressed: #8a9bab; --held: #a488d8;
          --unknown: #ef9150; --cancelled: #667380; --open: #3b4855; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--ground); color: var(--ink);
          font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
        main { max-width: 56rem; margin: 2rem auto; padding: 2rem 2.5rem; background: var(--paper);
          border: 1px solid var(--line); border-radius: 12px; }
        h1 { margin: 0 0 .75rem; font-size: 1.9rem; line-height: 1.2; overflow-wrap: anywhere; }
        h2 { margin: 2.25rem 0 .75rem; font-size: 1.2rem; }
        h3 { margin: 0; font-size: 1rem; }
        p { margin: .25rem 0; }
        .kind { margin: 0; color: var(--quiet); font-size: .8rem; letter-spacing: .06em; text-transform: uppercase; }
        .headline { font-size: 1.25rem; font-weight: 600; }
        .headline.good { color: var(--sent); }
        .notice { margin-top: .75rem; padding: .5rem .9rem; border-left: 4px solid var(--failed); font-weight: 600; }
        .quiet { color: var(--quiet); font-size: .9rem; }
        .bar { display: flex; gap: 2px; height: 1.75rem; margin: 1rem 0; border-radius: 6px; overflow: hidden; }
        .bar span { flex: 1 1 0; min-width: 5px; }
        .sent { --c: var(--sent); } .failed { --c: var(--failed); } .invalid { --c: var(--invalid); }
        .suppressed { --c: var(--suppressed); } .held { --c: var(--held); } .unknown { --c: var(--unknown); }
        .cancelled { --c: var(--cancelled); } .open { --c: var(--open); }
        .bar span, .dot { background: var(--c); print-color-adjust: exact; -webkit-print-color-adjust: exact; }
        .dot { display: inline-block; width: .8em; height: .8em; margin-right: .5em; border-radius: 3px; }
        table { width: 100%; margin: .75rem 0; border-collapse: collapse; }
        th, td { padding: .45rem .75rem .45rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
        thead th { color: var(--quiet); font-size: .85rem; font-weight: 600; }
        tbody th { font-weight: 600; white-space: nowrap; }
        tfoot th, tfoot td { border-bottom: 0; font-weight: 600; }
        .n { padding-right: 1.25rem; text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
        .long, dd, pre, code { overflow-wrap: anywhere; }
        ul.causes { margin: 0; padding: 0; list-style: none; }
        .causes li { display: flex; gap: 1.25rem; padding: .9rem 0 .9rem 1rem; border-bottom: 1px solid var(--line);
          border-left: 4px solid var(--c); break-inside: avoid; }
        .causes li + li { border-top: 0; }
        .count { flex: 0 0 7rem; margin: 0; }
        .count strong { font-size: 1.25rem; font-variant-numeric: tabular-nums; }
        .tag { display: block; color: var(--quiet); font-size: .85rem; }
        dl { margin: 0; }
        dd { margin: 0; }
        .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; }
        .figures div { padding: .75rem 1rem; border: 1px solid var(--line); border-radius: 8px; }
        .figures dt { color: var(--quiet); font-size: .85rem; font-weight: 600; }
        .figures strong { display: block; font-size: 1.5rem; line-height: 1.3; }
        .facts div { display: flex; gap: 1rem; padding: .35rem 0; border-bottom: 1px solid var(--line); }
        .facts dt { flex: 0 0 9rem; color: var(--quiet); }
        code, pre { font: .85em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
        pre { margin: .5rem 0 0; padding: .75rem 1rem; background: var(--ground); border-radius: 8px; white-space: pre-wrap; }
        @media (max-width: 40rem) {
          main { margin: 0; padding: 1.25rem 1rem 2rem; border: 0; border-radius: 0; }
          h1 { font-size: 1.5rem; }
          .outcomes thead { position: absolute; clip-path: inset(50%); height: 1px; overflow: hidden; }
          .outcomes tr { display: grid; grid-template-columns: 1fr auto auto; padding: .5rem 0;
            border-bottom: 1px solid var(--line); }
          .outcomes th, .outcomes td { padding: 0 0 0 .75rem; border: 0; }
          .outcomes th { padding-left: 0; }
          .outcomes td:last-child { grid-column: 1 / -1; padding-left: 0; color: var(--quiet); font-size: .9rem; }
          .outcomes tfoot td:last-child { display: none; }
          .causes li { flex-direction: column; gap: .25rem; }
          .count { flex: none; }
          .tag { display: inline; }
          .facts dt { flex-basis: 6.5rem; }
          .figures { grid-template-columns: 1fr 1fr; }
        }
        @media print {
          :root { --paper: #fff; --ground: #fff; --ink: #000; --quiet: #444; --line: #bbb; }
          body { font-size: 11pt; }
          main { max-width: none; margin: 0; padding: 0; border: 0; }
          h2 { break-after: avoid; margin-top: 1.5rem; }
          tr, .figures, .facts { break-inside: avoid; }
          .causes li { padding: .5rem 0 .5rem 1rem; }
          pre { padding: 0; }
        }

        """
}
