/** Whole flows against the server of the issuer that is named, from the network that this process is in. */
import { Traffic } from '../check-replicas/traffic.js';

const [issuer, count] = process.argv.slice(2);
const traffic = await Traffic.start(issuer);
while (traffic.flows < Number(count)) await traffic.flow();
console.log(`${traffic.flows} flows, ${traffic.requests} requests`);
process.exit();
