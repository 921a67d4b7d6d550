/**
 * Preloaded into a server that is to be found out: it makes the module hooks change what the breakage in
 * `COUNTERSIGN_CHECK_BREAKAGE` names while it is loaded. Nothing on the disk is touched.
 */
import { register } from 'node:module';

register('./break-hooks.js', import.meta.url);
