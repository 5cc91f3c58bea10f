/** A refusal of one field of a request: the reply names it. */
export class FieldRefusal extends Error {
  override readonly name = 'FieldRefusal';
  /** Path of the field in the body, such as `schedule.cron`. */
  readonly field: string;

  constructor(field: string, cause: unknown) {
    super(`field ${field} is refused`, { cause });
    this.field = field;
  }
}
