// What the chaos page and the page of an experiment need, one file for each part.

import "./asking.js";
import "./drill.js";
import "./now.js";
import "./targets.js";
