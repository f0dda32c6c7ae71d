import fc from 'fast-check'

const seed = process.env['PROPERTY_SEED'] ?? '1'
if (seed !== 'random') fc.configureGlobal({ seed: Number(seed) })

/**
 * fast-check, drawing the same values in every run: what fails fails for everybody. `PROPERTY_SEED`
 * takes another seed, and `random` one of its own for each property.
 */
export { fc }
