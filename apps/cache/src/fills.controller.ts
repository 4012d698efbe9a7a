import { Body, Controller, Delete, HttpCode, Param, Post } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { encode, FillsService } from '@syncline/caches';
import {
  type EndFillBody,
  endFillBodySchema,
  type FillBody,
  type FillResult,
  fillBodySchema,
  fillLeaseIdSchema,
  fillResultSchema,
  nameSchema,
  pathKeySchema,
  type RenewedFill,
  type RenewFillBody,
  renewedFillSchema,
  renewFillBodySchema,
  toInstant,
} from '@syncline/contracts';
import { ApiProblems, Disconnect, Does } from '@syncline/http';
import { type DisconnectSignal } from '@syncline/runtime';

/** Values that one caller in the cluster computes. */
@ApiTags('entries')
@Controller({ path: 'caches/:cache/entries/:key/fill', version: '1' })
export class FillsController {
  constructor(private readonly fills: FillsService) {}

  @Post()
  @Does('read', ':cache')
  @Does('write', ':cache')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Get the value, or the right to compute it: one caller in the cluster, the others wait',
  })
  @ApiOkResponse({ standardSchema: fillResultSchema })
  @ApiProblems('wait-timeout', 'fill-failed')
  async fill(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Param('key', { schema: pathKeySchema }) key: string,
    @Body({ schema: fillBodySchema }) body: FillBody,
    @Disconnect() disconnect: DisconnectSignal,
  ): Promise<FillResult> {
    const { entry, fillLease } = await this.fills.fill(cache, key, body, disconnect);
    const lease = fillLease === null ? {} : { fillLease };
    if (entry === null) return { status: 'lease', ...lease };
    return { status: entry.stale ? 'stale' : 'hit', ...encode(entry, body.as), ...lease };
  }

  @Post(':lease/renew')
  @Does('write', ':cache')
  @HttpCode(200)
  @ApiOperation({ summary: 'Keep a fill lease while computing: it lasts `leaseMs` from now on' })
  @ApiOkResponse({ standardSchema: renewedFillSchema })
  @ApiProblems('version-mismatch')
  async renew(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Param('key', { schema: pathKeySchema }) key: string,
    @Param('lease', { schema: fillLeaseIdSchema }) lease: string,
    @Body({ schema: renewFillBodySchema }) { leaseMs }: RenewFillBody,
  ): Promise<RenewedFill> {
    const expiresAt = await this.fills.renew(cache, key, lease, leaseMs);
    return { fillLease: lease, expiresAt: toInstant(expiresAt) };
  }

  @Delete(':lease')
  @Does('write', ':cache')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Give a fill lease back: nothing will be stored with it',
    description:
      'With a `reason` those who wait for the value are told it, as `fill-failed`; without one the first of them computes.',
  })
  @ApiNoContentResponse({ description: 'The lease is not in force now' })
  async end(
    @Param('cache', { schema: nameSchema }) cache: string,
    @Param('key', { schema: pathKeySchema }) key: string,
    @Param('lease', { schema: fillLeaseIdSchema }) lease: string,
    @Body({ schema: endFillBodySchema }) { reason }: EndFillBody,
  ): Promise<void> {
    await this.fills.end(cache, key, lease, reason);
  }
}
