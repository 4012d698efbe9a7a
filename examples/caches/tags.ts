// Pages are cached with the articles that they show: an article changes, its pages go, at the cost of one write.
import { Syncline } from '@syncline/client';
import { NODES } from '../nodes.js';

await using syncline = new Syncline(NODES);
const pages = syncline.cache<string>('example-pages');

await pages.set('/home', 'home page', { tags: ['article-1', 'article-2'] });
await pages.set('/article-1', 'article page', { tags: ['article-1'] });
await pages.set('/about', 'about page');

await pages.invalidateTags('article-1');
console.log(await pages.get('/home'), await pages.get('/article-1')); // undefined undefined
console.log(await pages.get('/about')); // about page
