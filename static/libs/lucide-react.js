import { icons } from "lucide-react";
import * as Lucide from "lucide-react";

globalThis.LucideReact = { ...icons, ...Lucide };
