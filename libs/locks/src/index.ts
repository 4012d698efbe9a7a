export { Watches } from './events/watches.js';
export { LocksService } from './locks/locks.service.js';
export { LocksModule } from './locks.module.js';
export { SemaphoresService } from './semaphores/semaphores.service.js';
export { SessionsService } from './sessions/sessions.service.js';
export { WaitingService } from './waiting/waiting.service.js';
