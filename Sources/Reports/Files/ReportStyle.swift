/// The look of a report: light and dark, phone and desk, screen and paper (A4 and Letter), colour and grey.
enum ReportStyle {
    static let css = """
        :root { color-scheme: light dark; --paper: #fff; --ground: #f3f5f7; --ink: #1c2733; --quiet: #566472; --line: #dbe1e7;
          --main: #1f6b45; --second: #b3372f; --third: #2a5a9a; --pale: #f6dcd9; }
        @media (prefers-color-scheme: dark) { :root { --paper: #1a222b; --ground: #10161c; --ink: #e6ebf0; --quiet: #9fb0c0;
          --line: #33404d; --main: #4fae78; --second: #e2695f; --third: #7fb0ee; --pale: #4a2b2a; } }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--ground); color: var(--ink);
          font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
        main { max-width: 64rem; margin: 2rem auto; padding: 2rem 2.5rem; background: var(--paper);
          border: 1px solid var(--line); border-radius: 12px; }
        h1 { margin: 0 0 .75rem; font-size: 1.9rem; line-height: 1.2; overflow-wrap: anywhere; }
        h2 { margin: 2.25rem 0 .75rem; font-size: 1.2rem; }
        p { margin: .25rem 0; }
        .kind { margin: 0; color: var(--quiet); font-size: .9rem; }
        .headline { font-size: 1.25rem; font-weight: 600; }
        .quiet { color: var(--quiet); font-size: .9rem; }
        .notice { margin-top: .75rem; padding: .5rem .9rem; border-left: 4px solid var(--second); font-weight: 600; }
        dl, dd { margin: 0; }
        .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin-top: 1.25rem; }
        .figures div { padding: .75rem 1rem; border: 1px solid var(--line); border-radius: 8px; }
        .figures dt { color: var(--quiet); font-size: .85rem; font-weight: 600; }
        .figures strong { display: block; font-size: 1.5rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
        figure { margin: 1rem 0 1.5rem; }
        figcaption { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; justify-content: space-between; font-weight: 600; }
        .legend { display: inline-flex; align-items: center; gap: .4rem; color: var(--quiet); font-size: .85rem; font-weight: 400; }
        .legend .key:not(:first-child) { margin-left: .8rem; }
        .key { width: 26px; height: 12px; }
        .chart { display: block; width: 100%; height: auto; margin-top: .5rem; }
        .chart text { fill: var(--quiet); font-size: 11px; font-variant-numeric: tabular-nums; }
        .scale { text-anchor: end; }
        .day { text-anchor: middle; }
        .grid { stroke: var(--line); } .axis { stroke: var(--quiet); }
        .column { fill: var(--main); }
        .hatched { stroke: var(--second); stroke-width: .8; }
        .hatch-ground { fill: var(--pale); } .hatch-line { fill: var(--second); }
        .hatch-stroke { stroke: var(--second); stroke-width: 2; fill: none; }
        .line { fill: none; stroke: var(--main); stroke-width: 2; }
        .broken { fill: none; stroke: var(--third); stroke-width: 2; stroke-dasharray: 5 3; }
        .dot-line { fill: var(--main); }
        .dot-broken { fill: var(--paper); stroke: var(--third); stroke-width: 1.6; }
        table { width: 100%; margin: .75rem 0; border-collapse: collapse; }
        th, td { padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
        thead th { color: var(--quiet); font-size: .8rem; font-weight: 600; vertical-align: bottom; }
        tbody th { font-weight: 600; overflow-wrap: anywhere; }
        tfoot th, tfoot td { border-bottom: 0; font-weight: 600; }
        .n { padding-right: .9rem; text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
        tr > :last-child { padding-right: 0; }
        .zero { color: var(--quiet); }
        .under { display: block; color: var(--quiet); font-size: .8rem; font-weight: 400; }
        .entries { font-size: .9rem; }
        .days th { white-space: nowrap; }
        .days td, .days tbody th { padding-top: .2rem; padding-bottom: .2rem; }
        .entries tbody th { min-width: 8.5rem; }
        .wide { overflow-x: auto; }
        .bar { width: 9rem; min-width: 4rem; }
        .bar svg { display: block; width: 100%; height: .75rem; margin-top: .35em; }
        .facts div { display: flex; gap: 1rem; padding: .35rem 0; border-bottom: 1px solid var(--line); }
        .facts dt { flex: 0 0 11rem; color: var(--quiet); }
        code, pre { font: .85em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
        pre { margin: .5rem 0 0; padding: .75rem 1rem; background: var(--ground); border-radius: 8px; white-space: pre-wrap; }
        svg { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
        @media (max-width: 40rem) {
          main { margin: 0; padding: 1.25rem 1rem 2rem; border: 0; border-radius: 0; }
          h1 { font-size: 1.5rem; }
          .figures { grid-template-columns: 1fr 1fr; }
          .facts div { flex-direction: column; gap: 0; }
          .facts dt { flex: none; }
        }
        @page { margin: 15mm 14mm; }
        @media print {
          :root { --paper: #fff; --ground: #fff; --ink: #000; --quiet: #3d3d3d; --line: #b5b5b5; --main: #1f4d36;
            --second: #8c2a23; --third: #1d3f70; --pale: #fff; }
          html { font-size: 10pt; }
          body { font-size: 10pt; orphans: 3; widows: 3; }
          main { max-width: none; margin: 0; padding: 0; border: 0; }
          h1 { font-size: 18pt; }
          h2 { break-after: avoid; margin-top: 14pt; }
          header, tr, figure, .figures, .facts div, .check { break-inside: avoid; }
          thead { display: table-header-group; }
          tfoot { display: table-row-group; }
          section > table { break-inside: avoid; }
          .figures { grid-template-columns: repeat(6, minmax(0, 1fr)); gap: 6pt; }
          .figures div { padding: 5pt 6pt; }
          .figures strong { font-size: 13pt; }
          .entries { font-size: 7.4pt; }
          .entries thead th { font-size: 6.6pt; }
          .entries th, .entries td { padding: 2pt 4pt 2pt 0; }
          .entries tbody th { min-width: 36mm; }
          .days tbody th { min-width: 0; }
          .entries .bar { width: 12mm; min-width: 12mm; }
          .under { font-size: 6.4pt; white-space: nowrap; }
          .wide { overflow: visible; }
          pre { padding: 0; }
        }

        """
}
