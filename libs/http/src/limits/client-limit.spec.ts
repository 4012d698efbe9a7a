import { ClientLimit } from './client-limit.js';

it('the limit of a client bounds what one client has, and what all have', () => {
  const limit = new ClientLimit('streams', 3, 2);
  const giveBack = limit.take('a');
  limit.take('a');
  expect(() => limit.take('a')).toThrow('One client may have 2 streams at this node, and you have 2');
  limit.take('b');
  expect(() => limit.take('c')).toThrow('This node has 3 streams and takes 3 at most');
  expect(() => limit.take('c')).toThrow(expect.objectContaining({ code: 'rate-limited', status: 429 }));
  giveBack();
  limit.take('c');
  expect(limit.size).toBe(3);
});
