import * as echarts from "echarts";

globalThis.echarts = echarts;
