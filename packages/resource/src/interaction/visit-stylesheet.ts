/** The one stylesheet of a resource's pages, inlined byte for byte: its hash is in their policy. It names nothing to load. */
export const VISIT_STYLESHEET = `
:root {
  color-scheme: light dark;
  --paper: #f3f1ec; --sheet: #fffefb; --ink: #1c2324; --soft: #535c5d; --line: #d8d5cc; --edge: #7b8482;
  --accent: #0b5c57; --on-accent: #ffffff; --accent-hover: #08443f; --alert: #9c2318;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #101415; --sheet: #181e1f; --ink: #e9ecea; --soft: #a9b3b1; --line: #333c3d; --edge: #7f8b89;
    --accent: #86d3c6; --on-accent: #06231f; --accent-hover: #a9e3d9; --alert: #ffb1a6;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; padding: 1.25rem 1rem 3rem; background: var(--paper); color: var(--ink); overflow-wrap: anywhere;
  font: 1rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif;
}
h1, h2, p, ul { margin: 0; padding: 0; }
ul { list-style: none; }
h1 { font-size: 1.5rem; line-height: 1.25; font-weight: 650; letter-spacing: -0.01em; text-wrap: balance; }
h2 { font-size: 0.875rem; font-weight: 600; color: var(--soft); }
a { color: var(--accent); text-underline-offset: 0.15em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.sheet {
  display: grid; grid-template-columns: minmax(0, 1fr); gap: 1.5rem; max-width: 40rem; margin: 0 auto;
  padding: 1.5rem 1.25rem; background: var(--sheet); border: 1px solid var(--line); border-radius: 0.875rem;
}
.lead { margin-top: 0.6rem; color: var(--soft); }
.rows { display: grid; gap: 1.25rem; }
.row { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0.3rem; }
.row > div { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0.6rem; align-content: start; }
.identifier { font-size: 1.125rem; font-weight: 650; line-height: 1.35; }
.note { font-size: 0.9375rem; color: var(--soft); }
.warning { font-size: 0.9375rem; color: var(--alert); }
.claim { padding: 0.55rem 0.8rem; border: 1px dashed var(--edge); border-radius: 0.5rem; font-size: 0.9375rem; overflow: hidden; }
.claim span { color: var(--soft); }
.next li { position: relative; padding-left: 1.1rem; font-size: 0.9375rem; }
.next li + li { margin-top: 0.35rem; }
.next li::before { content: ''; position: absolute; left: 0; top: 0.65em; width: 0.5rem; border-top: 2px solid var(--edge); }
.choices { border-top: 1px solid var(--line); padding-top: 1.5rem; display: grid; gap: 0.75rem; grid-template-columns: minmax(0, 1fr); }
.button {
  font: inherit; cursor: pointer; min-height: 3rem; width: 100%; padding: 0.65rem 1rem; font-weight: 600;
  border-radius: 0.5rem; border: 2px solid var(--accent); background: transparent; color: var(--accent);
}
.button:hover { border-color: var(--accent-hover); color: var(--accent-hover); }
.button.primary { background: var(--accent); color: var(--on-accent); }
.button.primary:hover { background: var(--accent-hover); color: var(--on-accent); }
@media (min-width: 36rem) {
  body { padding-top: 3rem; }
  h1 { font-size: 1.75rem; }
  .sheet { padding: 2.25rem 2.5rem; gap: 1.75rem; }
  .row { grid-template-columns: 7.5rem minmax(0, 1fr); gap: 1.25rem; }
  .row h2 { padding-top: 0.2rem; }
  .choices { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
}
`;
