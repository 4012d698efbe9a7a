export { ClientDisconnected } from './client-disconnected.js';
export { ClientLink, type DisconnectSignal } from './disconnect-signal.js';
export { Drain, ShuttingDown } from './drain.js';
export { InFlight } from './in-flight.js';
export { Loop } from './loop.js';
export { Metrics } from './metrics.js';
export { Parked, ParkedRequest } from './parked.js';
export { ProcessIdentity } from './process-identity.js';
export { RuntimeModule } from './runtime.module.js';
