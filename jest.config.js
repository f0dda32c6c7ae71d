export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testPathIgnorePatterns: ['/node_modules/', '/test/soak/'],
  extensionsToTreatAsEsm: ['.ts'],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  reporters: ['default', '<rootDir>/test/support/skipped-reporter.js'],
  // Suites that kill processes mostly wait until these are missed: three keep two processors busy.
  maxWorkers: 3,
  // What suites leave behind in a worker slows down its garbage collection.
  workerIdleMemoryLimit: '1GB',
  // For what hangs: nothing here may depend on how busy the machine is.
  testTimeout: 240_000,
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
}
