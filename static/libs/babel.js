import * as Babel from "@babel/standalone";

globalThis.Babel = Babel;
