import { Catch, type ExceptionFilter, Logger } from '@nestjs/common';
import { EMPTY, type Observable } from 'rxjs';

/** A hint that could not be handled. What it told is found without it, a little later. */
@Catch()
export class HintFilter implements ExceptionFilter {
  private readonly logger = new Logger('Hints');

  catch(error: unknown): Observable<never> {
    this.logger.error(error, 'A message from another member could not be handled');
    return EMPTY;
  }
}
