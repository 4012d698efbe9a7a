export { otelTracing } from './otel-tracing.js';
