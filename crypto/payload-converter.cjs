// The SDK requires this file by path in Node and bundles it for workflows: it has to be CommonJS.
const { defaultPayloadConverter } = require('@temporalio/common')

/**
 * The SDK's own, but for what cannot be read: that is undefined. A plain signal of an unknown encoding
 * would otherwise fail every task of its run for ever.
 */
exports.payloadConverter = {
  toPayload: (...given) => defaultPayloadConverter.toPayload(...given),
  fromPayload(...given) {
    try {
      return defaultPayloadConverter.fromPayload(...given)
    } catch {
      return undefined
    }
  },
}
