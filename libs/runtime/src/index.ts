export { ClientDisconnected } from './client-disconnected.js';
export { ClientLink, type DisconnectSignal } from './disconnect-signal.js';
export { Drain, ShuttingDown } from './drain.js';
export { Metrics } from './metrics.js';
export { RuntimeModule } from './runtime.module.js';
