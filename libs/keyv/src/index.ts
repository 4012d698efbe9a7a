export { KeyvSyncline } from './keyv-syncline.js';
