namespace FlowRuntime.Ode;

/// <content>The methods that ship.</content>
public partial class ButcherTableau
{
    /// <summary>The explicit Euler method, order 1. Source: Euler 1768, "Institutionum calculi integralis".</summary>
    public static ButcherTableau Euler { get; } = new("euler", 1, [0], [[]], [1]);

    /// <summary>
    /// The explicit midpoint rule, order 2. Source: Runge 1895, Math. Ann. 46, 167–178; Hairer I, section II.1.
    /// </summary>
    public static ButcherTableau Midpoint { get; } = new("midpoint", 2, [0, 1.0 / 2], [[], [1.0 / 2]], [0, 1]);

    /// <summary>Heun's method (the explicit trapezoidal rule), order 2. Source: Heun 1900; Hairer I, table II.1.1.</summary>
    public static ButcherTableau Heun { get; } = new("heun", 2, [0, 1], [[], [1]], [1.0 / 2, 1.0 / 2]);

    /// <summary>
    /// Ralston's method, order 2 in two stages with the least bound of the error term.
    /// Source: Ralston 1962, Math. Comp. 16(80), 431–437.
    /// </summary>
    public static ButcherTableau Ralston { get; } = new("ralston", 2, [0, 2.0 / 3], [[], [2.0 / 3]], [1.0 / 4, 3.0 / 4]);

    /// <summary>
    /// The pair of Heun and Euler, order 2 with an error estimate of order 1: the stages of <see cref="Heun"/>,
    /// compared with a step of <see cref="Euler"/>. Source: Hairer I, section II.4.
    /// </summary>
    public static EmbeddedPair HeunEuler { get; } = new("heun-euler", 2, 1, [0, 1], [[], [1]], [1.0 / 2, 1.0 / 2], [1, 0]);

    /// <summary>
    /// The pair of Bogacki and Shampine, order 3 with an error estimate of order 2, first same as last.
    /// Its interpolant is Hermite's cubic, order 3. Source: Bogacki and Shampine 1989, Appl. Math. Lett. 2(4), 321–325.
    /// </summary>
    public static EmbeddedPair Bosh3 { get; } = new("bosh3", 3, 2,
        [0, 1.0 / 2, 3.0 / 4, 1],
        [[], [1.0 / 2], [0, 3.0 / 4], [2.0 / 9, 1.0 / 3, 4.0 / 9]],
        [2.0 / 9, 1.0 / 3, 4.0 / 9, 0],
        [7.0 / 24, 1.0 / 4, 1.0 / 3, 1.0 / 8]);

    /// <summary>
    /// The classical Runge–Kutta method, order 4. Source: Kutta 1901; Hairer I, table II.1.2. Its interpolant, of order
    /// 3, needs no further stage. Source: Hairer I, section II.6.
    /// </summary>
    public static ButcherTableau RungeKutta4 { get; } = new("rk4", 4,
        [0, 1.0 / 2, 1.0 / 2, 1],
        [[], [1.0 / 2], [0, 1.0 / 2], [0, 0, 1]],
        [1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6],
        new Interpolant(3,
            [[1, -3.0 / 2, 2.0 / 3], [0, 1, -2.0 / 3], [0, 1, -2.0 / 3], [0, -1.0 / 2, 2.0 / 3]], [], []));

    /// <summary>
    /// Kutta's 3/8 rule, order 4. Source: Kutta 1901; Hairer I, table II.1.2. Its interpolant, of order 3, needs no
    /// further stage: the four conditions of that order leave one solution.
    /// </summary>
    public static ButcherTableau ThreeEighths { get; } = new("rk38", 4,
        [0, 1.0 / 3, 2.0 / 3, 1],
        [[], [1.0 / 3], [-1.0 / 3, 1], [1, -1, 1]],
        [1.0 / 8, 3.0 / 8, 3.0 / 8, 1.0 / 8],
        new Interpolant(3,
            [[1, -15.0 / 8, 1], [0, 15.0 / 8, -3.0 / 2], [0, 3.0 / 8], [0, -3.0 / 8, 1.0 / 2]], [], []));

    /// <summary>
    /// The pair of Dormand and Prince, order 5 with an error estimate of order 4, first same as last.
    /// Source: Dormand and Prince 1980, J. Comp. Appl. Math. 6(1), 19–26, table 2; Hairer I, table II.5.2.
    /// Its interpolant is of order 4. Source: Shampine 1986, Math. Comp. 46(173), 135–150, in the form of Hairer's code
    /// DOPRI5: Hermite's cubic and a multiple of θ²(1 − θ)².
    /// </summary>
    public static EmbeddedPair Dopri5 { get; } = Dopri5Table();

    /// <summary>
    /// The pair of Tsitouras, order 5 with an error estimate of order 4, first same as last; the order 5 is advanced.
    /// Its interpolant is of order 4. Source: Tsitouras 2011, Comput. Math. Appl. 62(2), 770–775, table 1.
    /// </summary>
    /// <remarks>
    /// The paper prints the differences b − b̂ with the wrong sign of the last, and its program gives b̂_7 as 1/40.
    /// It is 1/66: with either misprint the weights b̂ would not sum to 1.
    /// </remarks>
    public static EmbeddedPair Tsit5 { get; } = new("tsit5", 5, 4,
        [0, 0.161, 0.327, 0.9, 0.980025540904509685729810286287, 1, 1],
        [
            [],
            [0.161],
            [-0.008480655492356988544426874250230774675121, 0.3354806554923569885444268742502307746751],
            [2.897153057105493432130432594192938764925, -6.359448489975074843148159912383825625953, 4.362295432869581411017727318190886861028],
            [5.325864828439256604428877920840511317836, -11.74888356406282787774717033978577296189, 7.495539342889836208304604784564358155659, -0.0924950663617552492565020793320719161135],
            [5.861455442946420028659251486982647890394, -12.92096931784710929170611868178335939542, 8.159367898576158643180400794539253485182, -0.07158497328140099722453054252582973869127, -0.02826905039406838290900305721271224146718],
            [0.09646076681806522951816731316512876333712, 0.01, 0.479889650414499574775249532290596519913, 1.379008574103741893192274821856872770756, -3.290069515436080679901047585711363850116, 2.324710524099773982415355918398765796109],
        ],
        [0.09646076681806522951816731316512876333712, 0.01, 0.479889650414499574775249532290596519913, 1.379008574103741893192274821856872770756, -3.290069515436080679901047585711363850116, 2.324710524099773982415355918398765796109, 0],
        [0.09468075576583945, 0.009183565540343254, 0.4877705284247616, 1.234297566930479, -2.7077123499835256, 1.866628418170587, 1.0 / 66],
        interpolant: new Interpolant(4,
            [
                [1, -2.763706197274825911336736, 2.913255461821912743750681, -1.0530884977290216],
                [0, 0.1317, -0.2234, 0.1017],
                [0, 3.930296236894751528506874, -5.941033872131504734702492, 2.490627285651252793],
                [0, -12.41107716693367698373438, 30.33818863028232159817299, -16.54810288924490272],
                [0, 37.50931341651103919496904, -88.17890489476640110142767, 47.37952196281928122],
                [0, -27.89652628919728780594826, 65.09189467479367152629022, -34.87065786149660974],
                [0, 1.5, -4, 2.5],
            ], [], []));

    /// <summary>
    /// Verner's "most efficient" pair, order 6 with an error estimate of order 5 in nine stages, first same as last.
    /// Its interpolant, of order 6, evaluates three further stages. Source: Verner 2010, Numer. Algorithms 53(2–3),
    /// 383–396; the numbers are the exact fractions of the table that his site gives under that name.
    /// </summary>
    /// <remarks>
    /// Two of its stages lie close to the end of the step, and their weights are large with opposite signs (−176 and
    /// 172). They magnify the rounding of a field evaluated in single precision as much: below tolerances of about 1e-4
    /// the other pairs come closer with fewer steps.
    /// </remarks>
    public static EmbeddedPair Verner6 { get; } = Verner6Table();

    /// <summary>
    /// Verner's "most robust" pair of order 6 with an error estimate of order 5, first same as last. Its weights are small
    /// where those of <see cref="Verner6"/> reach 177, which magnifies the rounding of float32 velocities: prefer it to that
    /// one. Its interpolant is Hermite's cubic. Source: Verner 2010, Numer. Algorithms 53, 383–396, and the coefficients he
    /// publishes with it.
    /// </summary>
    public static EmbeddedPair Verner6Robust { get; } = Verner6RobustTable();

    /// <summary>
    /// The method of Dormand and Prince of order 8 with two error estimates, of orders 5 and 3, whose combination
    /// behaves like one of order 7; first same as last through a 13th stage at the result. Its interpolant, of order 7,
    /// evaluates three further stages. Source: Hairer I, sections II.5 and II.6, and his code DOP853.
    /// </summary>
    /// <remarks>
    /// <see cref="EmbeddedPair.EmbeddedOrder"/> is 7: err₅ is O(h⁶) and err₃ is O(h⁴), so that the estimate
    /// err₅²/√(err₅² + 0.01 err₃²) is O(h⁸). See <see cref="EmbeddedPair.SecondErrorWeights"/>.
    /// </remarks>
    public static EmbeddedPair Dop853 { get; } = Dop853Table();

    /// <summary>The Runge–Kutta methods that ship, from low to high order; within an order, pairs come last.</summary>
    public static IReadOnlyList<ButcherTableau> All { get; } =
        [Euler, Midpoint, Heun, Ralston, HeunEuler, Bosh3, RungeKutta4, ThreeEighths, Dopri5, Tsit5, Verner6, Verner6Robust, Dop853];

    /// <summary>Finds a Runge–Kutta method that ships.</summary>
    /// <param name="name">Its name, such as <c>rk4</c>; case does not matter.</param>
    /// <exception cref="ArgumentException">There is no such method; the message lists those there are.</exception>
    public static new ButcherTableau Named(string name) => Named(name, All);

    private static EmbeddedPair Dopri5Table()
    {
        double[] b = [35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84, 0];
        return new EmbeddedPair("dopri5", 5, 4,
            [0, 1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1, 1],
            [
                [],
                [1.0 / 5],
                [3.0 / 40, 9.0 / 40],
                [44.0 / 45, -56.0 / 15, 32.0 / 9],
                [19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729],
                [9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656],
                b[..6],
            ],
            b,
            [5179.0 / 57600, 0, 7571.0 / 16695, 393.0 / 640, -92097.0 / 339200, 187.0 / 2100, 1.0 / 40],
            interpolant: Interpolant.Hermite(4, b, last: 6,
                [
                    [-12715105075.0 / 11282082432],
                    [],
                    [87487479700.0 / 32700410799],
                    [-10690763975.0 / 1880347072],
                    [701980252875.0 / 199316789632],
                    [-1453857185.0 / 822651844],
                    [69997945.0 / 29380423],
                ], [], []));
    }
}
