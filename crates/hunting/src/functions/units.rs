//! `convert_angle`, `convert_length` and the other conversions of units. Every unit is given by how many of the
//! quantity's base unit it is; temperatures have a zero of their own, too.

use arrow::array::ArrayRef;
use bartizan_kql::bound::Quantity;
use datafusion::error::Result;

use super::call::Call;

/// Names and sizes of units.
type Units = &'static [(&'static str, f64)];

const FOOT: f64 = 0.3048;
const INCH: f64 = 0.0254;
const MILE: f64 = 1609.344;
const SURVEY_FOOT: f64 = 1200.0 / 3937.0;
const PARSEC: f64 = 3.085_677_580_256_9e16;
const LIGHT_YEAR: f64 = 9.460_730_472_580_8e15;
const POUND: f64 = 0.453_592_37;
const GRAVITY: f64 = 9.806_65;
const BTU: f64 = 1_055.055_852_62;
const CALORIE: f64 = 4.184;
const ELECTRON_VOLT: f64 = 1.602_176_634e-19;
const US_GALLON: f64 = 0.003_785_411_784;
const IMPERIAL_GALLON: f64 = 0.004_546_09;
const CUBIC_FOOT: f64 = FOOT * FOOT * FOOT;
const DEGREE: f64 = std::f64::consts::PI / 180.0;

/// In radians.
const ANGLES: Units = &[
    ("Arcminute", DEGREE / 60.0),
    ("Arcsecond", DEGREE / 3600.0),
    ("Centiradian", 1e-2),
    ("Deciradian", 1e-1),
    ("Degree", DEGREE),
    ("Gradian", DEGREE * 0.9),
    ("Microdegree", DEGREE * 1e-6),
    ("Microradian", 1e-6),
    ("Millidegree", DEGREE * 1e-3),
    ("Milliradian", 1e-3),
    ("Nanodegree", DEGREE * 1e-9),
    ("Nanoradian", 1e-9),
    ("NatoMil", DEGREE * 360.0 / 6400.0),
    ("Radian", 1.0),
    ("Revolution", DEGREE * 360.0),
];

/// In joules.
const ENERGIES: Units = &[
    ("BritishThermalUnit", BTU),
    ("Calorie", CALORIE),
    ("DecathermEc", 1_055_055_852.62),
    ("DecathermImperial", 1_055_055_852.57),
    ("DecathermUs", 1_054_804_000.0),
    ("ElectronVolt", ELECTRON_VOLT),
    ("Erg", 1e-7),
    ("FootPound", 1.355_817_948_331_4),
    ("GigabritishThermalUnit", BTU * 1e9),
    ("GigaelectronVolt", ELECTRON_VOLT * 1e9),
    ("Gigajoule", 1e9),
    ("GigawattDay", 8.64e13),
    ("GigawattHour", 3.6e12),
    ("HorsepowerHour", POUND * GRAVITY * FOOT * 550.0 * 3600.0),
    ("Joule", 1.0),
    ("KilobritishThermalUnit", BTU * 1e3),
    ("Kilocalorie", CALORIE * 1e3),
    ("KiloelectronVolt", ELECTRON_VOLT * 1e3),
    ("Kilojoule", 1e3),
    ("KilowattDay", 8.64e7),
    ("KilowattHour", 3.6e6),
    ("MegabritishThermalUnit", BTU * 1e6),
    ("Megacalorie", CALORIE * 1e6),
    ("MegaelectronVolt", ELECTRON_VOLT * 1e6),
    ("Megajoule", 1e6),
    ("MegawattDay", 8.64e10),
    ("MegawattHour", 3.6e9),
    ("Millijoule", 1e-3),
    ("TeraelectronVolt", ELECTRON_VOLT * 1e12),
    ("TerawattDay", 8.64e16),
    ("TerawattHour", 3.6e15),
    ("ThermEc", 105_505_585.262),
    ("ThermImperial", 105_505_585.257),
    ("ThermUs", 105_480_400.0),
    ("WattDay", 8.64e4),
    ("WattHour", 3.6e3),
];

/// In newtons.
const FORCES: Units = &[
    ("Decanewton", 10.0),
    ("Dyn", 1e-5),
    ("KilogramForce", GRAVITY),
    ("Kilonewton", 1e3),
    ("KiloPond", GRAVITY),
    ("KilopoundForce", POUND * GRAVITY * 1e3),
    ("Meganewton", 1e6),
    ("Micronewton", 1e-6),
    ("Millinewton", 1e-3),
    ("Newton", 1.0),
    ("OunceForce", POUND * GRAVITY / 16.0),
    ("Poundal", POUND * FOOT),
    ("PoundForce", POUND * GRAVITY),
    ("ShortTonForce", POUND * GRAVITY * 2e3),
    ("TonneForce", GRAVITY * 1e3),
];

/// In metres.
const LENGTHS: Units = &[
    ("Angstrom", 1e-10),
    ("AstronomicalUnit", 1.495_978_707e11),
    ("Centimeter", 1e-2),
    ("Chain", 20.1168),
    ("DataMile", 1828.8),
    ("Decameter", 10.0),
    ("Decimeter", 1e-1),
    ("DtpPica", INCH / 6.0),
    ("DtpPoint", INCH / 72.0),
    ("Fathom", 1.8288),
    ("Foot", FOOT),
    ("Hand", 0.1016),
    ("Hectometer", 1e2),
    ("Inch", INCH),
    ("KilolightYear", LIGHT_YEAR * 1e3),
    ("Kilometer", 1e3),
    ("Kiloparsec", PARSEC * 1e3),
    ("LightYear", LIGHT_YEAR),
    ("MegalightYear", LIGHT_YEAR * 1e6),
    ("Megaparsec", PARSEC * 1e6),
    ("Meter", 1.0),
    ("Microinch", INCH * 1e-6),
    ("Micrometer", 1e-6),
    ("Mil", INCH * 1e-3),
    ("Mile", MILE),
    ("Millimeter", 1e-3),
    ("Nanometer", 1e-9),
    ("NauticalMile", 1852.0),
    ("Parsec", PARSEC),
    ("PrinterPica", INCH * 400.0 / 2409.0),
    ("PrinterPoint", INCH / 72.27),
    ("Shackle", 27.432),
    ("SolarRadius", 6.955_1e8),
    ("Twip", INCH / 1440.0),
    ("UsSurveyFoot", SURVEY_FOOT),
    ("Yard", 0.9144),
];

/// In kilograms.
const MASSES: Units = &[
    ("Centigram", 1e-5),
    ("Decagram", 1e-2),
    ("Decigram", 1e-4),
    ("EarthMass", 5.972_2e24),
    ("Grain", POUND / 7000.0),
    ("Gram", 1e-3),
    ("Hectogram", 1e-1),
    ("Kilogram", 1.0),
    ("Kilopound", POUND * 1e3),
    ("Kilotonne", 1e6),
    ("LongHundredweight", POUND * 112.0),
    ("LongTon", POUND * 2240.0),
    ("Megapound", POUND * 1e6),
    ("Megatonne", 1e9),
    ("Microgram", 1e-9),
    ("Milligram", 1e-6),
    ("Nanogram", 1e-12),
    ("Ounce", POUND / 16.0),
    ("Pound", POUND),
    ("ShortHundredweight", POUND * 100.0),
    ("ShortTon", POUND * 2000.0),
    ("Slug", POUND * GRAVITY / FOOT),
    ("SolarMass", 1.989e30),
    ("Stone", POUND * 14.0),
    ("Tonne", 1e3),
];

/// In metres per second.
const SPEEDS: Units = &[
    ("CentimeterPerHour", 1e-2 / 3600.0),
    ("CentimeterPerMinute", 1e-2 / 60.0),
    ("CentimeterPerSecond", 1e-2),
    ("DecimeterPerMinute", 1e-1 / 60.0),
    ("DecimeterPerSecond", 1e-1),
    ("FootPerHour", FOOT / 3600.0),
    ("FootPerMinute", FOOT / 60.0),
    ("FootPerSecond", FOOT),
    ("InchPerHour", INCH / 3600.0),
    ("InchPerMinute", INCH / 60.0),
    ("InchPerSecond", INCH),
    ("KilometerPerHour", 1e3 / 3600.0),
    ("KilometerPerMinute", 1e3 / 60.0),
    ("KilometerPerSecond", 1e3),
    ("Knot", 1852.0 / 3600.0),
    ("MeterPerHour", 1.0 / 3600.0),
    ("MeterPerMinute", 1.0 / 60.0),
    ("MeterPerSecond", 1.0),
    ("MicrometerPerMinute", 1e-6 / 60.0),
    ("MicrometerPerSecond", 1e-6),
    ("MilePerHour", MILE / 3600.0),
    ("MillimeterPerHour", 1e-3 / 3600.0),
    ("MillimeterPerMinute", 1e-3 / 60.0),
    ("MillimeterPerSecond", 1e-3),
    ("NanometerPerMinute", 1e-9 / 60.0),
    ("NanometerPerSecond", 1e-9),
    ("UsSurveyFootPerHour", SURVEY_FOOT / 3600.0),
    ("UsSurveyFootPerMinute", SURVEY_FOOT / 60.0),
    ("UsSurveyFootPerSecond", SURVEY_FOOT),
    ("YardPerHour", 0.9144 / 3600.0),
    ("YardPerMinute", 0.9144 / 60.0),
    ("YardPerSecond", 0.9144),
];

/// In cubic metres.
const VOLUMES: Units = &[
    ("AcreFoot", 1.0 / 0.000_810_714),
    ("AuTablespoon", 2e-5),
    ("BoardFoot", CUBIC_FOOT / 12.0),
    ("Centiliter", 1e-5),
    ("CubicCentimeter", 1e-6),
    ("CubicDecimeter", 1e-3),
    ("CubicFoot", CUBIC_FOOT),
    ("CubicHectometer", 1e6),
    ("CubicInch", INCH * INCH * INCH),
    ("CubicKilometer", 1e9),
    ("CubicMeter", 1.0),
    ("CubicMicrometer", 1e-18),
    ("CubicMile", MILE * MILE * MILE),
    ("CubicMillimeter", 1e-9),
    ("CubicYard", CUBIC_FOOT * 27.0),
    ("Decaliter", 1e-2),
    ("DecausGallon", US_GALLON * 10.0),
    ("Deciliter", 1e-4),
    ("DeciusGallon", US_GALLON / 10.0),
    ("HectocubicFoot", CUBIC_FOOT * 100.0),
    ("HectocubicMeter", 100.0),
    ("Hectoliter", 1e-1),
    ("HectousGallon", US_GALLON * 100.0),
    ("ImperialBeerBarrel", IMPERIAL_GALLON * 36.0),
    ("ImperialGallon", IMPERIAL_GALLON),
    ("ImperialOunce", IMPERIAL_GALLON / 160.0),
    ("ImperialPint", IMPERIAL_GALLON / 8.0),
    ("KilocubicFoot", CUBIC_FOOT * 1e3),
    ("KilocubicMeter", 1e3),
    ("KiloimperialGallon", IMPERIAL_GALLON * 1e3),
    ("Kiloliter", 1.0),
    ("KilousGallon", US_GALLON * 1e3),
    ("Liter", 1e-3),
    ("MegacubicFoot", CUBIC_FOOT * 1e6),
    ("MegaimperialGallon", IMPERIAL_GALLON * 1e6),
    ("Megaliter", 1e3),
    ("MegausGallon", US_GALLON * 1e6),
    ("MetricCup", 2.5e-4),
    ("MetricTeaspoon", 5e-6),
    ("Microliter", 1e-9),
    ("Milliliter", 1e-6),
    ("OilBarrel", US_GALLON * 42.0),
    ("UkTablespoon", 1.5e-5),
    ("UsBeerBarrel", US_GALLON * 31.0),
    ("UsCustomaryCup", US_GALLON / 16.0),
    ("UsGallon", US_GALLON),
    ("UsLegalCup", 2.4e-4),
    ("UsOunce", US_GALLON / 128.0),
    ("UsPint", US_GALLON / 8.0),
    ("UsQuart", US_GALLON / 4.0),
    ("UsTablespoon", US_GALLON / 256.0),
    ("UsTeaspoon", US_GALLON / 768.0),
];

/// In kelvins: the size of a degree, and where its zero lies.
const TEMPERATURES: &[(&str, f64, f64)] = &[
    ("DegreeCelsius", 1.0, 273.15),
    ("DegreeDelisle", -2.0 / 3.0, 373.15),
    ("DegreeFahrenheit", 5.0 / 9.0, 459.67 * 5.0 / 9.0),
    ("DegreeNewton", 100.0 / 33.0, 273.15),
    ("DegreeRankine", 5.0 / 9.0, 0.0),
    ("DegreeReaumur", 1.25, 273.15),
    ("DegreeRoemer", 40.0 / 21.0, 273.15 - 7.5 * 40.0 / 21.0),
    ("Kelvin", 1.0, 0.0),
    ("MillidegreeCelsius", 1e-3, 273.15),
    ("SolarTemperature", 5778.0, 0.0),
];

/// The unit of a temperature: size of a degree, and zero.
fn temperature(name: &str) -> Option<(f64, f64)> {
    let found = TEMPERATURES.iter().find(|(n, ..)| *n == name)?;
    Some((found.1, found.2))
}

/// The value in another unit, none when a unit is not known.
fn converted(quantity: Quantity, value: f64, from: &str, to: &str) -> Option<f64> {
    let units = match quantity {
        Quantity::Angle => ANGLES,
        Quantity::Energy => ENERGIES,
        Quantity::Force => FORCES,
        Quantity::Length => LENGTHS,
        Quantity::Mass => MASSES,
        Quantity::Speed => SPEEDS,
        Quantity::Volume => VOLUMES,
        Quantity::Temperature => {
            let (from, to) = (temperature(from)?, temperature(to)?);
            return Some((value * from.0 + from.1 - to.1) / to.0);
        }
    };
    // A tilt is the sine of an angle, and no multiple of one.
    let tilt = |name: &str| quantity == Quantity::Angle && name == "Tilt";
    let size = |name: &str| {
        units
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, size)| *size)
    };
    let base = if tilt(from) {
        value.asin()
    } else {
        value * size(from)?
    };
    Some(if tilt(to) {
        base.sin()
    } else {
        base / size(to)?
    })
}

/// `convert_…(value, from, to)`.
pub(super) fn convert(call: &Call, quantity: Quantity) -> Result<ArrayRef> {
    let (values, from, to) = (call.reals(0)?, call.texts(1)?, call.texts(2)?);
    call.make_reals(|row| converted(quantity, values.get(row)?, from.get(row), to.get(row)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(quantity: Quantity, value: f64, from: &str, to: &str, wanted: f64) {
        let got = converted(quantity, value, from, to).expect(from);
        assert!(
            (got - wanted).abs() <= wanted.abs() * 1e-9,
            "{value} {from} in {to}: {got}, not {wanted}"
        );
    }

    #[test]
    fn definitions_of_units() {
        check(Quantity::Length, 1.0, "Mile", "Yard", 1760.0);
        check(Quantity::Mass, 1.0, "LongTon", "Stone", 160.0);
        check(Quantity::Volume, 1.0, "UsGallon", "UsTeaspoon", 768.0);
        check(
            Quantity::Temperature,
            100.0,
            "DegreeCelsius",
            "DegreeFahrenheit",
            212.0,
        );
        check(
            Quantity::Temperature,
            212.0,
            "DegreeFahrenheit",
            "DegreeDelisle",
            0.0,
        );
        check(Quantity::Angle, 1.0, "Revolution", "Gradian", 400.0);
        check(Quantity::Energy, 1.0, "KilowattHour", "Joule", 3.6e6);
        check(Quantity::Force, 1.0, "KiloPond", "Newton", 9.806_65);
        check(
            Quantity::Speed,
            36.0,
            "KilometerPerHour",
            "MeterPerSecond",
            10.0,
        );
    }

    #[test]
    fn units_that_are_not_known_give_nothing() {
        assert_eq!(converted(Quantity::Length, 1.0, "meter", "Mile"), None);
        assert_eq!(converted(Quantity::Mass, 1.0, "Meter", "Gram"), None);
    }
}
