export { type Benchmark, benchmark, type Checkout, type Contestant, type Running } from './benchmark.js';
export { Http } from './http.js';
export { closedLoop, Latencies, type Measurement } from './load.js';
export { Missing } from './missing.js';
export { Probe } from './probe.js';
export { Service, type ServiceName } from './services.js';
export { REDIS_SETTINGS, Stage } from './stage.js';
