'use strict';

Models.offer({ name: 'moons', heun: 'models/moons-heun.js', dopri5: 'models/moons-dopri5.js' });
Models.offer({ name: 'digits', heun: 'models/digits-heun.js', dopri5: 'models/digits-dopri5.js' });
Models.offer({ name: 'mnist', heun: 'models/mnist-heun.js', dopri5: 'models/mnist-dopri5.js' });
