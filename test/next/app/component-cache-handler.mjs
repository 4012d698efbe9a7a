import { componentCacheHandler } from '@syncline/next';
import { options } from './options.mjs';

export default componentCacheHandler(options);
