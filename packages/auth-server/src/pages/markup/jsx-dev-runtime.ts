/** The name that tools for development look for. */
export { Fragment, type JSX, jsx as jsxDEV } from './jsx-runtime.js';
