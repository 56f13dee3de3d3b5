// React as the library of that name has loaded it: one copy for all.
module.exports = globalThis.React;
