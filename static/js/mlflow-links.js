// Links as MLflow's clients print them: http://host/#/experiments/1/runs/abc. No server ever sees what follows the #, so the
// page that the bare address leads to looks for it.

const [, experiment, run] = /^#\/experiments\/([\w-]+)(?:\/runs\/([\w.-]+))?(?![\w.-])/.exec(location.hash) ?? [];
const forms = document.querySelectorAll('.auth form');

if (experiment && forms.length) {
  // Who is not signed in yet is sent on from there: a form's answer keeps the fragment of its address.
  for (const form of forms) form.action += location.hash;
} else if (experiment) {
  location.replace(run ? `/runs/${run}` : `/experiments/${experiment}`);
}
