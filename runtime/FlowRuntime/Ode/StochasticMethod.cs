namespace FlowRuntime.Ode;

/// <summary>
/// A method that adds noise on the way and takes as much out again, so that the law of the samples at each time stays
/// that of the flow. It needs a Gaussian path. The noise of a step is a pure function of seed, sample and step.
/// </summary>
public sealed class StochasticMethod : SolverMethod
{
    private StochasticMethod(string name, int order, double churn) : base(name, order)
    {
        if (!(churn >= 0 && double.IsFinite(churn)))
            throw new ArgumentOutOfRangeException(nameof(churn), churn, "Give a finite churn of at least 0, such as 1.");
        Churn = churn;
    }

    /// <summary>How much noise: see <see cref="EulerMaruyama"/> and <see cref="ChurnedHeun"/>; 0 is the flow itself.</summary>
    public double Churn { get; }

    /// <summary>
    /// Euler–Maruyama for dx = (v + ½ g² s) dt + g dW with the score s and g² = 2 · churn · σ(t), which leaves the law at
    /// every time as it is. The last step is Euler's, without noise.
    /// </summary>
    /// <param name="churn">Factor of the noise, at least 0; 1 is the usual choice.</param>
    /// <exception cref="ArgumentOutOfRangeException">The churn is negative or not finite.</exception>
    /// <remarks>Source: Ma et al. 2024, "SiT: Exploring Flow and Diffusion-based Generative Models with Scalable Interpolant Transformers", with the diffusion coefficient 2 · churn · σ.</remarks>
    public static StochasticMethod EulerMaruyama(double churn = 1) => new("euler-maruyama", 1, churn);

    /// <summary>
    /// Heun's method with churn: before each step the noise level σ/α is raised by the factor 1 + min(churn/steps, √2 − 1).
    /// A step that ends without noise is Euler's.
    /// </summary>
    /// <param name="churn">S_churn of the source, at least 0; 40 is a usual choice.</param>
    /// <exception cref="ArgumentOutOfRangeException">The churn is negative or not finite.</exception>
    /// <remarks>Source: Karras et al. 2022, "Elucidating the Design Space of Diffusion-Based Generative Models", algorithm 2.</remarks>
    public static StochasticMethod ChurnedHeun(double churn = 40) => new("churned-heun", 2, churn);

    /// <summary>The stochastic methods that ship, with their usual churn.</summary>
    public static IReadOnlyList<StochasticMethod> All => field ??= [EulerMaruyama(), ChurnedHeun()];

    /// <summary>The same method with another churn.</summary>
    /// <param name="churn">The churn, at least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">The churn is negative or not finite.</exception>
    public StochasticMethod WithChurn(double churn) => new(Name, Order, churn);
}
