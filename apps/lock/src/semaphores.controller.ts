import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type AcquirePermits,
  acquirePermitsSchema,
  type Lease,
  type ListLocks,
  leaseSchema,
  listLocksSchema,
  nameSchema,
  type Release,
  type Released,
  type Renew,
  type Resize,
  type Resized,
  type Revoke,
  type Revoked,
  releasedSchema,
  releaseSchema,
  renewSchema,
  resizedSchema,
  resizeSchema,
  revokedSchema,
  revokeSchema,
  type Semaphore,
  type SemaphorePage,
  semaphorePageSchema,
  semaphoreSchema,
} from '@syncline/contracts';
import { ApiProblems, CalledBy, type Caller, Disconnect, Does, JUDGED_BY_HANDLER } from '@syncline/http';
import { SemaphoresService } from '@syncline/locks';
import { type DisconnectSignal } from '@syncline/runtime';

@ApiTags('semaphores')
@Controller({ path: 'semaphores', version: '1' })
export class SemaphoresController {
  constructor(private readonly semaphores: SemaphoresService) {}

  @Post(':name/acquire')
  @Does('lock', ':name')
  @HttpCode(200)
  @ApiOperation({ summary: 'Acquire permits, and wait for them when too few are free' })
  @ApiOkResponse({ standardSchema: leaseSchema })
  @ApiProblems('lock-held', 'wait-timeout', 'deadlock', 'limit-mismatch', 'lease-lost')
  acquirePermits(
    @Param('name', { schema: nameSchema }) name: string,
    @Body({ schema: acquirePermitsSchema }) body: AcquirePermits,
    @Disconnect() disconnect: DisconnectSignal,
  ): Promise<Lease> {
    return this.semaphores.acquire(name, body, disconnect);
  }

  @Post(':name/renew')
  @Does('lock', ':name')
  @HttpCode(200)
  @ApiOperation({ summary: 'Renew a lease of permits' })
  @ApiOkResponse({ standardSchema: leaseSchema })
  @ApiProblems('lease-lost')
  renewPermits(
    @Param('name', { schema: nameSchema }) name: string,
    @Body({ schema: renewSchema }) body: Renew,
  ): Promise<Lease> {
    return this.semaphores.renew(name, body);
  }

  @Post(':name/release')
  @Does('lock', ':name')
  @HttpCode(200)
  @ApiOperation({ summary: 'Release permits: the requests that wait are granted at once' })
  @ApiOkResponse({ standardSchema: releasedSchema })
  @ApiProblems('lease-lost')
  releasePermits(
    @Param('name', { schema: nameSchema }) name: string,
    @Body({ schema: releaseSchema }) body: Release,
  ): Promise<Released> {
    return this.semaphores.release(name, body);
  }

  @Get()
  @Does('read', JUDGED_BY_HANDLER)
  @ApiOperation({ summary: 'List the semaphores that are held or awaited, in the order of their names' })
  @ApiOkResponse({ standardSchema: semaphorePageSchema })
  listSemaphores(
    @Query({ schema: listLocksSchema }) query: ListLocks,
    @CalledBy() caller: Caller,
  ): Promise<SemaphorePage> {
    return caller.page('semaphores', query, (part) => this.semaphores.list({ ...query, ...part }));
  }

  @Get(':name')
  @Does('read', ':name')
  @ApiOperation({
    summary: 'Describe a semaphore: the holders of its permits and the requests that wait for them',
  })
  @ApiOkResponse({ standardSchema: semaphoreSchema })
  describeSemaphore(@Param('name', { schema: nameSchema }) name: string): Promise<Semaphore> {
    return this.semaphores.describe(name);
  }

  @Put(':name')
  @Does('configure', ':name')
  @ApiOperation({
    summary: 'Configure the limit of a semaphore',
    description:
      'It stays until it is configured again or deleted, and wins over what callers say. Leases stay as they are: a limit ' +
      'below the permits in use holds for the next grants.',
  })
  @ApiOkResponse({ standardSchema: resizedSchema })
  resizeSemaphore(
    @Param('name', { schema: nameSchema }) name: string,
    @Body({ schema: resizeSchema }) body: Resize,
  ): Promise<Resized> {
    return this.semaphores.resize(name, body.limit);
  }

  @Delete(':name')
  @Does('purge', ':name')
  @ApiOperation({
    summary: 'Revoke the leases of a semaphore and forget its limit, for operators',
    description:
      'Written to the audit stream. The requests that wait are granted; while the semaphore is in use it keeps the limit.',
  })
  @ApiOkResponse({ standardSchema: revokedSchema })
  revokePermits(
    @Param('name', { schema: nameSchema }) name: string,
    @Body({ schema: revokeSchema }) body: Revoke,
  ): Promise<Revoked> {
    return this.semaphores.revoke(name, body.reason ?? '');
  }
}
