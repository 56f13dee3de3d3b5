import * as Recharts from "recharts";

globalThis.Recharts = Recharts;
