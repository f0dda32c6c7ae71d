/**
 * Names every skipped test at the end of a run. In CI a skipped test fails the run, unless the
 * variable TEST_WITHOUT says that its part cannot be had there (a word of the test's title).
 */
// oxlint-disable-next-line import/no-default-export -- jest takes a default export
export default class SkippedReporter {
  #error

  /** Prints what was skipped; jest calls it once, after all files. */
  onRunComplete(_contexts, results) {
    const skipped = results.testResults.flatMap((file) =>
      file.testResults.filter((test) => test.status === 'pending').map((test) => test.fullName),
    )
    if (skipped.length === 0) return
    process.stderr.write(`\nSKIPPED, because a part is missing:\n  ${skipped.join('\n  ')}\n`)
    const without = (process.env.TEST_WITHOUT ?? '').split(',').filter(Boolean)
    const unexpected = skipped.filter((name) => !without.some((word) => name.includes(word)))
    if (process.env.CI && unexpected.length > 0) {
      this.#error = new Error(
        `Cannot pass in CI: ${unexpected.length} tests were skipped that could have run; ` +
          'install their part, or name it in TEST_WITHOUT',
      )
    }
  }

  /** An error makes jest exit with 1. */
  getLastError() {
    return this.#error
  }
}
