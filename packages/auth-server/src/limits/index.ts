export { DEFAULT_LIMITS, type LimitName, type Limits } from './limit-settings.js';
