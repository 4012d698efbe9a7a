import { hash, timingSafeEqual } from 'node:crypto';

/** One delivery of a message. Numbers as the scripts have them (scripts/parts/token.lua). */
export interface Delivery {
  /** Generation of the queue. */
  readonly gen: string;
  readonly token: number;
  /** Counts from 1. */
  readonly delivery: number;
  /** Bytes of the record. */
  readonly size: number;
  /** When it was handed out, milliseconds since 1970; null in receipts of an earlier version. */
  readonly at: number | null;
}

/** `GEN.TOKEN.DELIVERY.SIZE.AT.SIGNATURE`; gen as it is, the other numbers to base 36. An earlier version had no `AT`. */
const RECEIPT =
  /^([0-9]{1,16})\.([0-9a-z]{1,11})\.([0-9a-z]{1,11})\.([0-9a-z]{1,11})(?:\.([0-9a-z]{1,11}))?\.([A-Za-z0-9_-]{16})$/;
const SIGNATURE_LENGTH = 16;

/** Whether a text has the form of a receipt; whether it is genuine is another question. */
export const isReceipt = (text: string): boolean => RECEIPT.test(text);

/**
 * A receipt tells by itself which delivery it stands for, so any node can judge it. It is signed, so that nobody
 * can acknowledge what was not delivered to him.
 *
 * @param secret the queue's, the same on all nodes
 */
export function writeReceipt(
  secret: string,
  queue: string,
  { gen, token, delivery, size, at }: Delivery,
): string {
  const time = at === null ? '' : `.${at.toString(36)}`;
  const text = `${gen}.${token.toString(36)}.${delivery.toString(36)}.${size.toString(36)}${time}`;
  return `${text}.${sign(secret, queue, text)}`;
}

/** @returns null for anything that was not written with this secret for this queue */
export function readReceipt(secret: string, queue: string, receipt: string): Delivery | null {
  const match = RECEIPT.exec(receipt);
  if (match === null) return null;
  const [, gen = '', token = '', delivery = '', size = '', at, signature = ''] = match;
  const text = receipt.slice(0, receipt.length - signature.length - 1);
  if (!timingSafeEqual(Buffer.from(signature), Buffer.from(sign(secret, queue, text)))) return null;
  return {
    gen,
    token: Number.parseInt(token, 36),
    delivery: Number.parseInt(delivery, 36),
    size: Number.parseInt(size, 36),
    at: at === undefined ? null : Number.parseInt(at, 36),
  };
}

/**
 * 96 bits of a keyed SHA-256. HMAC, at nine times the cost, guards a hash that is told whole against texts that
 * continue the signed one; of this one 160 bits stay secret, and a receipt that continues another has no such form.
 */
function sign(secret: string, queue: string, text: string): string {
  return hash('sha256', `${secret}\n${queue}\n${text}`, 'base64url').slice(0, SIGNATURE_LENGTH);
}
