export { type Benchmark, benchmark, type Contestant, type Running } from './benchmark.js';
export { closedLoop, Latencies, type Measurement } from './load.js';
export { Missing } from './missing.js';
export { Probe } from './probe.js';
export { Service, type ServiceName } from './services.js';
export { Stage } from './stage.js';
