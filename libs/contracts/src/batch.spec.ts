import { z } from 'zod';
import { batchItem, type IllFormed } from './batch.js';
import { ValidationFailed } from './validation.js';

describe('an item of a batch', () => {
  const item = z.strictObject({ name: z.string().min(1), count: z.int().default(1) });
  const batch = z.array(batchItem(item)).min(1);

  it('is validated by itself', () => {
    const [good, bad, odd] = batch.parse([{ name: 'a' }, { name: '', count: 1.5 }, null]);
    expect(good).toEqual({ name: 'a', count: 1 });
    expect(bad).toBeInstanceOf(ValidationFailed);
    expect((bad as ValidationFailed).extra).toMatchObject({ errors: [{ path: 'name' }, { path: 'count' }] });
    expect([(bad as IllFormed).item, (odd as IllFormed).item]).toEqual([{ name: '', count: 1.5 }, null]);
    expect((odd as ValidationFailed).extra).toMatchObject({ errors: [{ path: 'item' }] });
  });

  it('has the same JSON Schema as the item alone', () => {
    const io = { io: 'input' } as const;
    expect(z.toJSONSchema(batch, io).items).toEqual({ ...z.toJSONSchema(item, io), $schema: undefined });
  });
});
