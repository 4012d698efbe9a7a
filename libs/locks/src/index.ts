export { Watches } from './events/watches.js';
export { LeaseLost } from './lease/lease.errors.js';
export { LeasesService, lockWish } from './lease/leases.service.js';
export { LocksModule } from './locks.module.js';
export { resourceKey } from './redis/lease.keys.js';
export { LeasesStore } from './redis/leases.store.js';
export { SessionsStore } from './redis/sessions.store.js';
