/** What an agent needs of Node: a browser, a terminal, a file, a port. */
export { fileStore } from './file-store.js';
export { type CallbackListener, listenForCallback, type ListenOptions } from './listen.js';
export { openBrowser, type OpenBrowserOptions } from './open-browser.js';
export { printUrl, type PrintUrlOptions } from './print-url.js';
