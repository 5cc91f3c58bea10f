/**
 * The seed of a property test: printed, and taken back from the environment variable PROPERTY_SEED to repeat a run.
 * @param test what the seed belongs to
 */
export function propertySeed(test: string): number {
  const given = process.env.PROPERTY_SEED;
  const seed = given === undefined ? Math.floor(Math.random() * 0x7fffffff) : Number(given);
  console.info(`${test}: PROPERTY_SEED=${seed}`);
  return seed;
}
