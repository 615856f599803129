// What every page loads. A page adds modules of its own in the block "head".
import 'studio/preferences';
import 'studio/menus';
import 'studio/dialogs';
import 'studio/keys';
import 'studio/toasts';
import 'studio/times';
import 'studio/copy';
import 'studio/live';
import 'studio/run-list';
import 'studio/mlflow-links';
