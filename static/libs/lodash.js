import lodash from "lodash";

globalThis._ = lodash;
