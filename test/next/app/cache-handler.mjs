import { cacheHandler } from '@syncline/next';
import { options } from './options.mjs';

export default cacheHandler(options);
