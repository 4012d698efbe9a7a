export { type Benchmark, benchmark, type Contestant, Missing, type Running } from './benchmark.js';
export { closedLoop, Latencies, type Measurement } from './load.js';
export { Probe } from './probe.js';
export { Service, type ServiceName } from './services.js';
export { Stage } from './stage.js';
