// The SDK requires this file by path in Node and bundles it for workflows: it has to be CommonJS.
const { DefaultFailureConverter } = require('@temporalio/common')

/** Puts messages and stack traces of failures into a payload, so that the codec encrypts them. */
exports.failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true })
