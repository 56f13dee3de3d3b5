module.exports = globalThis.ReactJsxRuntime;
