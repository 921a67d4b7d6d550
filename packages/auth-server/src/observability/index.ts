export { type Observer, observers, type RequestStarted } from './observer.js';
export type * from './server-event.js';
