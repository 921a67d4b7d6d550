/** The one stylesheet of all pages, inlined byte for byte: its hash is in their policy. It names nothing to load. */
export const STYLESHEET = `
:root {
  color-scheme: light dark;
  --paper: #f3f1ec; --sheet: #fffefb; --ink: #1c2324; --soft: #535c5d; --line: #d8d5cc; --edge: #7b8482;
  --accent: #0b5c57; --on-accent: #ffffff; --accent-hover: #08443f;
  --quote: #eef0f6; --quote-bar: #4a5aa3; --quote-ink: #333f78;
  --new: #0b5c57; --alert: #9c2318; --alert-paper: #fcefec;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #101415; --sheet: #181e1f; --ink: #e9ecea; --soft: #a9b3b1; --line: #333c3d; --edge: #7f8b89;
    --accent: #86d3c6; --on-accent: #06231f; --accent-hover: #a9e3d9;
    --quote: #20263a; --quote-bar: #93a2ea; --quote-ink: #b9c3f3;
    --new: #86d3c6; --alert: #ffb1a6; --alert-paper: #3a1f1c;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; padding: 1.25rem 1rem 3rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif;
  overflow-wrap: anywhere;
}
h1, h2, h3, p, ul, dl, dd, figure, blockquote { margin: 0; padding: 0; }
ul { list-style: none; }
h1 { font-size: 1.5rem; line-height: 1.25; font-weight: 650; letter-spacing: -0.01em; text-wrap: balance; }
h2 { font-size: 0.875rem; font-weight: 600; color: var(--soft); }
h3 { font-size: 0.9375rem; font-weight: 600; }
a { color: var(--accent); text-underline-offset: 0.15em; }
a:hover { color: var(--accent-hover); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }

.brand { display: flex; align-items: center; gap: 0.6rem; max-width: 40rem; margin: 0 auto 1rem; font-weight: 600; }
.mark { flex: none; }
.mark rect { fill: #0b5c57; }
.mark path { fill: none; stroke: #ffffff; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
.sheet {
  display: grid; grid-template-columns: minmax(0, 1fr); gap: 1.5rem; max-width: 40rem; margin: 0 auto; padding: 1.5rem 1.25rem;
  background: var(--sheet); border: 1px solid var(--line); border-radius: 0.875rem;
}
.lead { margin-top: 0.6rem; color: var(--soft); }
.lead strong { color: var(--ink); }

.rows { display: grid; gap: 1.25rem; }
.row { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0.3rem; }
.row > div { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0.6rem; align-content: start; }
.identifier { font-size: 1.125rem; font-weight: 650; line-height: 1.35; }
.note { font-size: 0.9375rem; color: var(--soft); }
.warning { color: var(--alert); font-size: 0.9375rem; }

.claim { padding: 0.55rem 0.8rem; border: 1px dashed var(--edge); border-radius: 0.5rem; font-size: 0.9375rem; overflow: hidden; }
.claim .label { color: var(--soft); }
.links { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; margin-top: 0.25rem; }
.links a { display: inline-block; padding: 0.15rem 0; }

.quote { background: var(--quote); border-left: 4px solid var(--quote-bar); border-radius: 0 0.5rem 0.5rem 0; padding: 0.7rem 0.9rem; overflow: hidden; }
.quote figcaption { font-size: 0.875rem; font-weight: 600; color: var(--quote-ink); margin-bottom: 0.45rem; }
.quote > * + *:not(figcaption) { margin-top: 0.5rem; }
.items > li + li { margin-top: 0.6rem; padding-top: 0.6rem; border-top: 1px solid var(--line); }
.items blockquote { font-size: 1rem; }
code { font: 0.875em/1.5 ui-monospace, 'Cascadia Mono', 'SF Mono', Menlo, Consolas, monospace; }
.items code { color: var(--quote-ink); }
.items code.alone { font-size: 1rem; color: var(--ink); }
.group { display: grid; gap: 0.45rem; grid-template-columns: minmax(0, 1fr); }
.group h3::before { content: ''; display: inline-block; width: 0.6em; height: 0.6em; margin-right: 0.5em; border: 2px solid var(--new); border-radius: 50%; }
.group.fresh h3::before { background: var(--new); }
.details { display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); gap: 0.3rem 0.9rem; font-size: 0.9375rem; }
.details + .details { border-top: 1px solid var(--line); padding-top: 0.5rem; }
.details dt { color: var(--quote-ink); }
.next li { position: relative; padding-left: 1.1rem; font-size: 0.9375rem; }
.next li + li { margin-top: 0.35rem; }
.next li::before { content: ''; position: absolute; left: 0; top: 0.65em; width: 0.5rem; border-top: 2px solid var(--edge); }

.fields { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr); }
.field { display: grid; gap: 0.3rem; }
label { font-weight: 600; font-size: 0.9375rem; }
input:not([type='hidden']) {
  width: 100%; min-height: 3rem; padding: 0.6rem 0.8rem; font: inherit; color: inherit; background: var(--paper);
  border: 1px solid var(--edge); border-radius: 0.5rem;
}
input[aria-invalid='true'] { border-color: var(--alert); border-width: 2px; }
.alert { padding: 0.7rem 0.9rem; color: var(--alert); background: var(--alert-paper); border: 1px solid currentColor; border-radius: 0.5rem; }

.decision { border-top: 1px solid var(--line); padding-top: 1.5rem; display: grid; gap: 1.25rem; grid-template-columns: minmax(0, 1fr); }
.choices { display: grid; gap: 0.75rem; grid-template-columns: minmax(0, 1fr); }
button { font: inherit; cursor: pointer; }
.button {
  min-height: 3rem; width: 100%; padding: 0.65rem 1rem; font-weight: 600; border-radius: 0.5rem;
  border: 2px solid var(--accent); background: transparent; color: var(--accent);
}
.button:hover { border-color: var(--accent-hover); color: var(--accent-hover); }
.button.primary { background: var(--accent); color: var(--on-accent); }
.button.primary:hover { background: var(--accent-hover); color: var(--on-accent); }
.account { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 1rem; margin-bottom: -0.6rem; font-size: 0.9375rem; color: var(--soft); }
.account strong { color: var(--ink); }
.plain { padding: 0.6rem 0; border: 0; background: none; color: var(--accent); text-decoration: underline; text-underline-offset: 0.15em; font-size: 0.9375rem; }
.plain:hover { color: var(--accent-hover); }
.reference { font-size: 0.875rem; color: var(--soft); }

@media (min-width: 36rem) {
  body { padding-top: 3rem; }
  h1 { font-size: 1.75rem; }
  .sheet { padding: 2.25rem 2.5rem; gap: 1.75rem; }
  .row { grid-template-columns: 7.5rem minmax(0, 1fr); gap: 1.25rem; }
  .row h2 { padding-top: 0.2rem; }
  .choices.two { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
}
@media (prefers-reduced-motion: no-preference) { .button, a { transition: background-color 0.12s, color 0.12s; } }
@media (forced-colors: active) {
  .mark rect { fill: Canvas; stroke: CanvasText; }
  .mark path { stroke: CanvasText; }
  .group.fresh h3::before { background: CanvasText; forced-color-adjust: none; }
}
`;
