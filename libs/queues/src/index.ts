export { ByIdService } from './by-id/by-id.service.js';
export { DeadLettersService } from './dead-letters/dead-letters.service.js';
export { DeliveryService } from './delivery/delivery.service.js';
export { MessagesService } from './messages/messages.service.js';
export { deadLettersOf } from './queues/configuration.js';
export { QueuesService } from './queues/queues.service.js';
export { QueuesModule } from './queues.module.js';
export { SearchService } from './search/search.service.js';
