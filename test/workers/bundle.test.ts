import { fileURLToPath } from 'node:url'
import { bundleBudgetBytes, buildWorkflowBundle } from '../../workers/bundle.ts'

function toFixture(name: string): string {
  return fileURLToPath(new URL(`../support/workflows/${name}.ts`, import.meta.url))
}

test('buildWorkflowBundle() bundles the product within its size budget', async () => {
  const code = await buildWorkflowBundle()
  expect(code).toContain('encodeCommonAttributes')
  expect(Buffer.byteLength(code)).toBeLessThan(bundleBudgetBytes)
})

test.each([
  ['the database driver', 'imports-pg'],
  ['a node: module', 'imports-node'],
  ['a module of the database layer', 'imports-db'],
  ['a connector', 'imports-connector'],
])('buildWorkflowBundle() refuses a workflow that imports %s', async (_what, fixture) => {
  await expect(buildWorkflowBundle({ workflowsPath: toFixture(fixture) })).rejects.toThrow(
    /could introduce non-determinism|disallowed|not available|Webpack/i,
  )
})
