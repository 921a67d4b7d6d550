/** OpenTelemetry spans of an auth server: needs `@opentelemetry/api` beside this package. */
export { tracingObserver } from './observability/tracing-observer.js';
