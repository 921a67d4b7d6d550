const COLUMNS = [
  ['perSecond', 'ours/s', 10, 0],
  ['p50', 'p50 ms', 8, 1],
  ['p99', 'p99 ms', 8, 1],
  ['peer', 'peer/s', 8, 0],
  ['ratio', 'ratio', 7, 2],
  ['cost', 'ours', 9, 2],
  ['peerCost', 'peer', 7, 2],
  ['load', 'load', 9, 2],
  ['peerLoad', 'load at peer', 14, 2],
];

export const LEGEND = `ours/s, p50, p99: calls that our auth server answered in a second, and how long they took
peer/s:           what oidc-provider, which keeps everything in memory, answered in the same minutes: a token for its client
                  where ours is asked for a request token, grants directly or refreshes; whole flows beside whole flows
ours, peer:       milliseconds of processor time that the server took for each call
load, at peer:    that of the process which signs and makes the calls and checks the answers, on the same cores: no more than
                  1000 / load are made in a second, whatever the server could answer`;

export function printTable(title, rows) {
  console.log(`\n${title}`);
  const line = (name, cells) => console.log(name.padEnd(34) + cells.join(''));
  line(
    'case',
    COLUMNS.map(([, heading, width]) => heading.padStart(width)),
  );
  for (const [name, result] of rows) {
    const all = { ...result, ratio: result.perSecond / result.peer };
    const shown = (value, digits) => (value >= 0 ? value.toFixed(digits) : '');
    line(
      name,
      COLUMNS.map(([key, , width, digits]) => shown(all[key], digits).padStart(width)),
    );
  }
}
