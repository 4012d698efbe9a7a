export { MessagesService } from './messages/messages.service.js';
export { QueuesService } from './queues/queues.service.js';
export { QueuesModule } from './queues.module.js';
export type { Deliveries, ReceiveReply } from './redis/scripts/delivery.scripts.js';
